"""Image searches and tables of pictures, one file each: facts, pure requests and the reading of answers."""
