"""What is learnt, from what and by which numbers: data that is made here, and the stages that only such data has."""
