"""The trained models that ship: their cards, their weights, and which one suits a case."""
