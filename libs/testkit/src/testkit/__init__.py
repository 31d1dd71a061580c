"""What the tests of several packages share. Nothing in production imports it."""
