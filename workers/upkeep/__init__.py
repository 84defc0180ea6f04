"""What the jobs of upkeep are made of: calls to the gateway, dumps of the database and their proof."""
