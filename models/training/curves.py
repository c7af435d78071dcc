"""The curves of a run: loss and PSNR of training and validation per epoch, and the gap between them."""
import csv

from matplotlib.figure import Figure


def write(history, stem):
    """Writes `stem`.csv and `stem`.png."""
    with open(stem.with_suffix(".csv"), "w", newline="") as file:
        writer = csv.DictWriter(file, history[0])
        writer.writeheader()
        writer.writerows({key: round(value, 5) for key, value in row.items()} for row in history)
    steps = [row["step"] for row in history]
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    plots = {
        "loss (mean log squared error)": ["training loss", "validation loss"],
        "PSNR, dB": ["training psnr", "validation psnr"],
        "gain over the Wiener filter, dB": ["training gain", "validation gain"],
    }
    for axes, (title, keys) in zip(figure.subplots(1, 3), plots.items()):
        for key in keys:
            axes.plot(steps, [row[key] for row in history], label=key.split()[0])
        axes.set(xlabel="step", title=title)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(stem.with_suffix(".png"), dpi=110)
