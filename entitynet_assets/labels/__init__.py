"""Labels: which entities a picture shows, on what evidence."""
