"""The sample household of the demo: its people, their accounts, and banks that keep delivering statements."""
