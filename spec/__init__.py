"""What every loss is: one hand-written file and one generated file of reference values per loss."""
