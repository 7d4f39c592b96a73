"""disbursement (기금 집행): funds, budget lines, appropriations, and spending from proposal to payment."""
