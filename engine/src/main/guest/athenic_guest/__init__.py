"""What runs around and inside a sandbox: roomd and the zygote on the host, agent and kernels in the rooms, the template builder."""
