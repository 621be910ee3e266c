#: # Write your own HDPO policy as an `nn.Module`
#:
#: HDPO takes any module that maps a batch of observations to actions in natural units. A structured policy is often
#: better than a large one: here a fishery's escapement, which is all a manager has to choose.

import torch
from torch import nn

import scenarium
from scenarium.agents import HDPO
from scenarium.baselines import make_baseline
from scenarium.envs import make_model

model = make_model("Fishery-Model1-v0")
print(model.observation_space, model.action_space)


class SoftEscapement(nn.Module):
    """Leave a level of stock in the sea, and take a share of what exceeds it; both are learnt."""

    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.tensor(0.5))
        self.share = nn.Parameter(torch.tensor(1.0))

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        stock = 4.0 * observation[:, :1]  # observed are stocks / 4
        excess = torch.relu(stock - self.level) * torch.sigmoid(self.share)
        return excess / stock.clamp(min=1e-3)  # the fraction to take


#: Two weights, and the exact gradient of the catch over two centuries with respect to both.

agent = HDPO("Fishery-Model1-v0", policy=SoftEscapement(), seed=0, learning_rate=0.05).learn(500_000)
policy = agent.policy
print(f"leave {float(policy.level):.3f}, then take {float(torch.sigmoid(policy.share)):.0%} of the rest")

for name, player in (("learnt", agent), ("tuned", make_baseline("constant_escapement", "Fishery-Model1-v0"))):
    result = scenarium.evaluate(player, "Fishery-Model1-v0", seeds=range(500), aggregate="sum")
    print(f"{name:>8}: {result.mean:.3f} +- {result.std_error:.3f}")

#: A module of your own is saved like any other policy; loading takes the module again, because nothing is unpickled.

agent.save("runs/soft_escapement")
again = HDPO.load("runs/soft_escapement", policy=SoftEscapement())
