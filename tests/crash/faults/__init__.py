"""What stands between a program and its disk or clock, so that a test can record what it does there, or spoil it."""
