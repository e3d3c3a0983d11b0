"""Rules of daily life and small machines: ladders of conditions, counters, an interpreter."""


def income_tax(income: float) -> float:
    """Tax ``income`` (in thousands) by brackets: nothing up to 10, 20 % up to 40, 40 % above.

    >>> income_tax(50.0)
    10.0
    """
    tax = 0.0
    lower = 0.0
    for upper, rate in ((10.0, 0.0), (40.0, 0.2)):
        if income <= upper:
            return tax + rate * (income - lower)
        tax += rate * (upper - lower)
        lower = upper
    return tax + 0.4 * (income - lower)


def parcel_price(weight: float, distance: float) -> float:
    """Price a parcel by weight class, with a surcharge per distance and a rebate for small, near ones.

    >>> parcel_price(0.5, 1.0)
    3.6
    """
    if weight < 1:
        price = 4.0
    elif weight < 5:
        price = 7.0 + 0.1 * weight
    else:
        price = 12.0
    if distance > 3:
        price += 0.5 * distance
    elif weight < 1 and not distance > 2:
        price *= 0.9
    return price


def fizz_count(values: list[float], fizz: float, buzz: float) -> dict[str, int]:
    """Count the values that exceed ``fizz``, that fall below ``buzz``, both, or neither.

    >>> fizz_count([1.0, 2.5, 4.0], 2.0, 3.0)
    {'fizz': 1, 'buzz': 1, 'fizzbuzz': 1, 'plain': 0}
    """
    counts = {"fizz": 0, "buzz": 0, "fizzbuzz": 0, "plain": 0}
    for value in values:
        if value > fizz and value < buzz:
            counts["fizzbuzz"] += 1
        elif value > fizz:
            counts["fizz"] += 1
        elif value < buzz:
            counts["buzz"] += 1
        else:
            counts["plain"] += 1
    return counts


def run_stack_machine(program: list[str], inputs: list[float]) -> float:
    """Run a program in postfix notation; a number as a word stands for an input's place.

    >>> run_stack_machine("0 1 max 2 -".split(), [1.0, 3.0, 0.5])
    2.5
    """
    stack: list[float] = []
    for word in program:
        if word.isdigit():
            stack.append(inputs[int(word)])
            continue
        right = stack.pop()
        left = stack.pop()
        if word == "+":
            stack.append(left + right)
        elif word == "-":
            stack.append(left - right)
        elif word == "*":
            stack.append(left * right)
        elif word == "max":
            stack.append(left if left > right else right)
        elif word == "min":
            if left < right:
                stack.append(left)
            else:
                stack.append(right)
        else:
            raise ValueError(f"unknown word {word!r}")
    return stack.pop()


def crossover_trades(prices: list[float], fast: int = 2, slow: int = 4) -> tuple[float, int]:
    """Buy when the fast moving average rises above the slow one, sell when it falls below; return gain and trades.

    >>> crossover_trades([3.0, 2.0, 1.0, 1.0, 3.0, 5.0, 4.0, 1.0, 0.0])
    (-2.0, 2)
    """
    cash = 0.0
    holding = False
    trades = 0
    for today in range(slow, len(prices)):
        fast_total = 0.0
        for i in range(today - fast + 1, today + 1):
            fast_total += prices[i]
        slow_total = 0.0
        for i in range(today - slow + 1, today + 1):
            slow_total += prices[i]
        rising = fast_total / fast > slow_total / slow
        if rising and not holding:
            cash -= prices[today]
            holding = True
            trades += 1
        elif holding and not rising:
            cash += prices[today]
            holding = False
            trades += 1
    if holding:
        cash += prices[-1]
    return cash, trades


class Account:
    """A bank account that charges a fee for going below zero.

    >>> account = Account(1.0)
    >>> account.withdraw(2.0)
    >>> account.balance, account.warnings
    (-1.5, 1)
    """

    fee = 0.5

    def __init__(self, balance: float) -> None:
        self.balance = balance
        self.warnings = 0

    def deposit(self, amount: float) -> None:
        """Put ``amount`` in."""
        self.balance += amount

    def withdraw(self, amount: float) -> None:
        """Take ``amount`` out; below zero it costs the fee and a warning."""
        self.balance -= amount
        if self.balance < 0:
            self.balance -= self.fee
            self.warnings += 1


def settle(balance: float, movements: list[float]) -> tuple[float, int]:
    """Book ``movements`` on an account until its second warning; return the balance and the number of warnings.

    >>> settle(1.0, [-2.0, 3.0, -2.0, 9.0])
    (-1.0, 2)
    """
    account = Account(balance)
    for amount in movements:
        if amount > 0:
            account.deposit(amount)
        else:
            account.withdraw(-amount)
        if account.warnings >= 2:
            break
    return account.balance, account.warnings


def debounce(signal: list[float], threshold: float, patience: int = 2) -> list[bool]:
    """Follow a noisy button: the state changes after ``patience`` samples in a row that contradict it.

    >>> debounce([1.0, 0.0, 1.0, 1.0, 1.0], 0.5)
    [False, False, False, True, True]
    """
    state = False
    against = 0
    states = []
    for sample in signal:
        pressed = sample > threshold
        if pressed == state:
            against = 0
        else:
            against += 1
            if against == patience:
                state = pressed
                against = 0
        states.append(state)
    return states
