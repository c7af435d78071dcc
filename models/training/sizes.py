"""The sizes that are released: one recipe, five budgets."""
from network import Shape

INPUTS = ("estimate", "weak", "sigma", "trust")
SIZES = {
    "nano": Shape(bodies=(0, 0), coarse=(1, 1), reach=1, inputs=INPUTS),
    "small": Shape(bodies=(0, 0), coarse=(3, 3), inputs=INPUTS),
    "base": Shape(bodies=(0, 0, 0), coarse=(5, 5, 5), inputs=INPUTS),
    "large": Shape(bodies=(1,) * 5, coarse=(3,) * 5, inputs=INPUTS),
    "xlarge": Shape(bodies=(3,) * 5, coarse=(6,) * 5, channels=32, inputs=("estimate", "blurred", *INPUTS[1:])),
}
RATES = {"xlarge": 3e-3}  # of learning, where it is not the recipe's: wide networks want less
