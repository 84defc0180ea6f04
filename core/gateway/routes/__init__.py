"""The REST routes, one module per noun; handlers read a request, ask one function, and answer."""
