"""The marts in a database of the company's own: the same SQL, said in its dialect."""
