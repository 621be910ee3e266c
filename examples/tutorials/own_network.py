#: # Solve your own supply network
#:
#: A network is a YAML file: its nodes, the edges goods travel on with their lead times, costs, and the law of demand.

from pathlib import Path

import gymnasium as gym

import scenarium
from scenarium.agents import HDPO
from scenarium.baselines import make_baseline

Path("network.yaml").write_text(
    """
name: one depot, three shops
nodes:
  factory: {kind: supplier}
  depot: {kind: stock, holding: 0.3, initial: 40}
  north: {kind: store, holding: 1.0, underage: 9.0, initial: sampled}
  east: {kind: store, holding: 1.0, underage: 9.0, initial: sampled}
  west: {kind: store, holding: 1.2, underage: 7.0, initial: sampled}
edges:
  - {from: factory, to: depot, lead_time: 4}
  - {from: depot, to: north, lead_time: 1}
  - {from: depot, to: east, lead_time: 2}
  - {from: depot, to: west, lead_time: 1}
demand:
  kind: negative_binomial
  mean: {north: 6, east: 4, west: 7}
  dispersion: 1.8
"""
)
options = {"network": "network.yaml", "horizon": 60}
env = gym.make("InventoryNet-v0", **options)
print(env.action_space)

#: What would a practitioner do? Base-stock levels, tuned on training worlds. `make_baseline` tunes them now, since this
#: network is nobody's standard problem.

base_stock = make_baseline("base_stock", "InventoryNet-v0", env_kwargs=options)

#: And HDPO, which follows the exact gradient of the cost through the network. 150,000 environment steps are a
#: beginning; take 3 million for a policy to use.

agent = HDPO("InventoryNet-v0", env_kwargs=options, seed=0).learn(150_000)

#: Both meet the same hundred worlds, which neither has seen.

for name, policy in (("base-stock", base_stock), ("HDPO", agent)):
    result = scenarium.evaluate(policy, "InventoryNet-v0", seeds=range(5_000, 5_100), warm_up=20, **options)
    print(f"{name:>10}: {-result.mean:.3f} +- {result.std_error:.3f} cost per store and period")

#: Larger networks, several suppliers, hubs, and demand from a CSV file: `examples/networks` has one of each.
