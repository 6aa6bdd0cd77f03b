"""What tests share: launchers and helpers that run in processes of their own."""
