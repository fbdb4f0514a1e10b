"""What operators see and are told: facts, samples, signs of life, what is told, and work over many."""
