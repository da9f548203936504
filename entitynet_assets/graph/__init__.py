"""Knowledge graph: items from SPARQL or a dump, and the entity tables made of them."""
