"""What writes the site's generated pages: environments, agents, tutorials, reference, leaderboard."""
