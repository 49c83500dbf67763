"""For the environment of `scripts/setup` (frameworks): torch 1.13 cannot import these modules in Python 3.11."""
import sys
import types

for name in ("torch.distributed._shard", "torch.distributed._shard.sharded_tensor"):
    sys.modules[name] = types.ModuleType(name)
sys.modules[name].pre_load_state_dict_hook = sys.modules[name].state_dict_hook = lambda *_, **__: None
