"""The sizes that are released: one recipe, four budgets."""
from network import Shape

SIZES = {
    "nano": Shape(bodies=(0, 0, 0)),
    "small": Shape(bodies=(0, 0, 1)),
    "base": Shape(bodies=(1, 1, 1, 1)),
    "large": Shape(bodies=(2, 2, 2, 2, 3)),
}
