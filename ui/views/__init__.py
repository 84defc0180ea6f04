"""Views: what several pages of one person look at together, kept up to date by one subscription each."""
