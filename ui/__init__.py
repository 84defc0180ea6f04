"""The dashboard: a client of the gateway like any other, with the rights of the person signed in and none of its own."""
