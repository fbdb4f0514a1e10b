"""The working day that shows what the product does, and the comparer that checks it from outside."""
