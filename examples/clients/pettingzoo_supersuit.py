#: # PettingZoo and SuperSuit
#:
#: Problems with several agents are PettingZoo parallel environments; SuperSuit wraps them for single-agent libraries.

import numpy as np
import supersuit
from pettingzoo.test import parallel_api_test

import scenarium

env = scenarium.parallel_env("TaxWorld-v0")
parallel_api_test(env, num_cycles=20)
observations, infos = env.reset(seed=0)
print(env.possible_agents)

flat = supersuit.clip_reward_v0(env, lower_bound=-10, upper_bound=10)
observations, infos = flat.reset(seed=0)
actions = {agent: flat.action_space(agent).sample() for agent in flat.agents}
actions |= {agent: np.int64(0) for agent in flat.agents if agent.startswith("worker")}  # workers do nothing
observations, rewards, terminations, truncations, infos = flat.step(actions)
print({agent: round(float(reward), 3) for agent, reward in rewards.items()})
