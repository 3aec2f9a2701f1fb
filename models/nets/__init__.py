"""Networks, one file each."""

from nco.models.nets.bq import BQPolicy
from nco.models.nets.disjunctive import DisjunctivePolicy
from nco.models.nets.flows import GraphFlow, SymmetricFlow, VanillaFlow
from nco.models.nets.latent import LatentPolicy
from nco.models.nets.matnet import MatNetPolicy
from nco.models.nets.parco import PARCOPolicy
from nco.models.nets.pointer import AttentionPolicy
from nco.models.nets.transformer import TransformerEncoder

__all__ = [
    "AttentionPolicy",
    "BQPolicy",
    "DisjunctivePolicy",
    "GraphFlow",
    "LatentPolicy",
    "MatNetPolicy",
    "PARCOPolicy",
    "SymmetricFlow",
    "TransformerEncoder",
    "VanillaFlow",
]
