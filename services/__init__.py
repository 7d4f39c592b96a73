"""The services of Dure, the portal, and the standalone process that holds them all."""
