"""Records of a vendor kept in step with a file or a table."""
