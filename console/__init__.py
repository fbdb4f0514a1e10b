"""The JSON API that people and Ravetree use, and the way through Intuit's consent."""
