"""Find, read, bind, explain and edit the YAML file."""
