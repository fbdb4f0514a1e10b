"""The truth: models, repositories, migrations, and the vault for tokens."""
