#: # Train PQN and compare with Stable-Baselines3
#:
#: One store with lost sales, where the optimum is known from dynamic programming. Two model-free agents learn from
#: samples: this suite's PQN, on many worlds at once, and the PPO of Stable-Baselines3.

import time

import scenarium
from scenarium.agents import PQN, SB3PPO
from scenarium.baselines import make_baseline

ENV = "InventoryNet-OneStoreLost-v0"
OPTIONS = {"action_mode": "integer"}  # orders are whole units: a discrete choice
scores = {}


def cost(policy: object) -> float:
    """Mean cost per period on 200 worlds nobody trained on, the first periods not counted."""
    return -scenarium.evaluate(policy, ENV, seeds=range(90_000, 90_200), periods=100, warm_up=20, **OPTIONS).mean


#: Both are given about the same time, so PQN, which plays hundreds of worlds at once, sees far more of the problem.

players = ((PQN(ENV, seed=0, env_kwargs=OPTIONS), 600_000), (SB3PPO(ENV, seed=0, env_kwargs=OPTIONS), 20_000))
for agent, steps in players:
    start = time.process_time()
    agent.learn(steps)
    scores[agent.name] = (cost(agent), time.process_time() - start)

#: The optimum and the practitioner's rule meet the same worlds.

for name in ("lost_sales_optimal", "base_stock"):
    scores[name] = (cost(make_baseline(name, ENV, env_kwargs=OPTIONS)), 0.0)
for name, (value, seconds) in scores.items():
    print(f"{name:>20}: cost {value:6.3f} per period, {seconds:5.1f} CPU seconds of learning")

#: `python benchmarks/pqn_inventory.py` is the comparison at full length, with Stable-Baselines3's DQN.
