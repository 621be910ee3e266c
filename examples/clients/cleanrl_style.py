#: # CleanRL-style code
#:
#: One file, Gymnasium's vector environment, a loop: REINFORCE with a baseline on the pricing ladder, all worlds one
#: batch. The vector environment hands out torch tensors on its device, so nothing is copied.

import gymnasium as gym
import torch
from torch import nn
from torch.distributions import Categorical

import scenarium  # noqa: F401

torch.manual_seed(0)
worlds = gym.make_vec("AncillaryPricing-v0", num_envs=64)
features, prices = worlds.single_observation_space.shape[0], worlds.single_action_space.n
actor = nn.Sequential(nn.Linear(features, 64), nn.Tanh(), nn.Linear(64, prices))
optimiser = torch.optim.Adam(actor.parameters(), lr=3e-3)

observation, info = worlds.reset(seed=0)
for update in range(40):
    log_probs, rewards = [], []
    for _ in range(16):
        law = Categorical(logits=actor(observation))
        action = law.sample()
        observation, reward, terminated, truncated, info = worlds.step(action)
        log_probs.append(law.log_prob(action))
        rewards.append(reward)
    earned = torch.stack(rewards)
    advantage = (earned - earned.mean()) / (earned.std() + 1e-8)
    loss = -(torch.stack(log_probs) * advantage).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    if update % 10 == 9:
        print(f"update {update + 1}: {float(earned.mean()):.4f} per customer")
