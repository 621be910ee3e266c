"""What all agents share: the verbs, configs, checkpoints, callbacks, schedules, normalisers and logging."""
