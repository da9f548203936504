"""Naming the pictures of a folder with an exported model: `entitynet classify FOLDER`."""
