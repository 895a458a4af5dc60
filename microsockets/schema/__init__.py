"""What an application and its clients say to each other, as documents: JSON Schema, AsyncAPI, TypeScript."""

from __future__ import annotations

from .contract import Contract, digests, read_contract, undocumented
from .definitions import ContractError
from .samples import read_samples

__all__ = ["Contract", "ContractError", "digests", "read_contract", "read_samples", "undocumented"]
