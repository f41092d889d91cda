"""What the command line does, without its words and colours: one module a command, usable from other programs."""
