"""Bridges to other libraries, one a file; each needs its library, and `import ganeval` loads none of them."""
