"""What models cost: prices, cost of a call, estimated tokens."""
