"""What is known of a test's devboxes when the test is over, and what becomes of them."""
