"""Made-up companies to run the house on, for those who have no accounts or files yet. Nothing here is real."""
