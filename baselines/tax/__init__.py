"""Tax policies: no tax, the US federal schedule, flat taxes, Saez's formula, and tuned schedules."""
