"""The pages: each a function that builds one, wrapped by one frame."""
