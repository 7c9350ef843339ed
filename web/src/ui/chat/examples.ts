import { fence } from '../../core/format';

/** Messages that carry their own code, so that they run without a model. */
export const EXAMPLES: readonly { readonly title: string; readonly hint: string; readonly icon: 'chart' | 'terminal' | 'table'; readonly message: string }[] = [
  {
    title: 'Watch a simulation run',
    hint: 'Prints as it goes, then draws a plot',
    icon: 'chart',
    message: `Simulate ten random walks and plot them.\n\n${fence('python', `import time
import numpy as np
import matplotlib.pyplot as plt

rng = np.random.default_rng(7)
fig, ax = plt.subplots(figsize=(7, 4))
for walk in range(1, 11):
    steps = rng.normal(size=500).cumsum()
    ax.plot(steps, linewidth=1)
    print(f"walk {walk:2d}: ends at {steps[-1]:7.2f}")
    time.sleep(0.2)
ax.set_title("Ten random walks")
plt.show()`)}`,
  },
  {
    title: 'Look around in the sandbox',
    hint: 'A command, run as it is',
    icon: 'terminal',
    message: '$ ls -la',
  },
  {
    title: 'Make and analyse a CSV file',
    hint: 'pandas: a table, and a file to download',
    icon: 'table',
    message: `Which product earns the most?\n\n${fence('python', `import pandas as pd

sales = pd.DataFrame({
    "region": ["north", "north", "south", "south", "west", "west"],
    "product": ["tea", "coffee", "tea", "coffee", "tea", "coffee"],
    "revenue": [1240.50, 980.00, 312.25, 2210.00, 45.00, 1333.10],
})
sales.to_csv("sales.csv", index=False)

table = pd.read_csv("sales.csv")
print(f"{len(table)} rows, {table['revenue'].sum():,.2f} in all")
table.sort_values("revenue", ascending=False)`)}`,
  },
];
