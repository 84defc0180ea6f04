"""What is worth knowing about the money: recurring payments, price rises, unusual amounts, the month's end."""
