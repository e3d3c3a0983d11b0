"""Controllers and simulations: loops over time whose state flips at thresholds."""


def hysteresis(signal: list[float], low: float, high: float) -> list[float]:
    """Switch on above ``high``, off below ``low``, and keep the state in between (a Schmitt trigger).

    >>> hysteresis([0.0, 3.0, 1.5, 0.5], 1.0, 2.0)
    [0.0, 1.0, 1.0, 0.0]
    """
    output = []
    state = 0.0
    for sample in signal:
        if sample > high:
            state = 1.0
        elif sample < low:
            state = 0.0
        output.append(state)
    return output


def thermostat(outside: list[float], start: float, target: float) -> tuple[float, float, int]:
    """Heat a room below ``target`` minus a half, stop above it plus a half; return temperature, fuel and switchings.

    >>> thermostat([10.0, 10.0, 10.0], 19.0, 20.0)
    (20.626, 3.0, 1)
    """
    temperature = start
    fuel = 0.0
    switchings = 0
    heating = False
    for ambient in outside:
        if heating:
            if temperature > target + 0.5:
                heating = False
                switchings += 1
        else:
            if temperature < target - 0.5:
                heating = True
                switchings += 1
        temperature += 0.1 * (ambient - temperature)
        if heating:
            temperature += 1.5
            fuel += 1.0
    return temperature, fuel, switchings


def bouncing_ball(height: float, speed: float, steps: int = 12) -> tuple[float, float, int]:
    """Let a ball fall and bounce for ``steps`` tenths of a second; return height, speed and bounces.

    >>> height, speed, bounces = bouncing_ball(1.0, 0.0)
    >>> round(height, 2), bounces
    (0.47, 1)
    """
    bounces = 0
    for _ in range(steps):
        speed -= 0.981
        height += 0.1 * speed
        if height < 0 and speed < 0:
            height = -height
            speed = -0.8 * speed
            bounces += 1
    return height, speed, bounces


def leaky_integrator(current: list[float], leak: float, threshold: float) -> tuple[int, float]:
    """Charge a leaky cell that fires and resets above ``threshold``; return the number of spikes and the last charge.

    >>> leaky_integrator([1.0, 1.0, 1.0], 0.5, 1.2)
    (1, 1.0)
    """
    spikes = 0
    charge = 0.0
    for inflow in current:
        charge = leak * charge + inflow
        if charge > threshold:
            charge = 0.0
            spikes += 1
    return spikes, charge


def dead_zone(signal: list[float], width: float) -> list[float]:
    """Ignore what lies within ``width`` of zero, and shift the rest towards zero.

    >>> dead_zone([-2.0, 0.5, 3.0], 1.0)
    [-1.0, 0.0, 2.0]
    """
    result = [0.0] * len(signal)
    for i in range(len(signal)):
        if -width < signal[i] < width:
            continue
        result[i] = signal[i] - width if signal[i] > 0 else signal[i] + width
    return result


class Controller:
    """A proportional-integral controller whose output is limited, and whose integral rests while it is.

    >>> controller = Controller(0.5, 0.1, 1.0)
    >>> controller.update(1.0)
    0.6
    """

    def __init__(self, proportional: float, integral: float, limit: float) -> None:
        self.proportional = proportional
        self.integral = integral
        self.limit = limit
        self.total = 0.0

    def update(self, error: float) -> float:
        """Take the newest ``error`` and return the output."""
        output = self.proportional * error + self.integral * (self.total + error)
        if output > self.limit:
            return self.limit
        if output < -self.limit:
            return -self.limit
        self.total += error
        return output


def cruise_control(speed: float, target: float, limit: float, steps: int = 6) -> tuple[float, float]:
    """Drive a car to ``target`` with a limited controller; return its speed and the controller's integral.

    >>> speed, total = cruise_control(0.0, 1.0, 0.5)
    >>> round(speed, 2), round(total, 2)
    (0.98, 1.97)
    """
    controller = Controller(0.4, 0.1, limit)
    for _ in range(steps):
        speed += controller.update(target - speed) - 0.2 * speed
    return speed, controller.total


class Particle:
    """A point of mass ``mass`` on a line."""

    def __init__(self, mass: float, position: float, speed: float) -> None:
        self.mass = mass
        self.position = position
        self.speed = speed

    def move(self, time: float) -> None:
        """Move on for ``time`` at the present speed, and turn back at zero."""
        self.position += time * self.speed
        if self.position < 0:
            self.position = -self.position
            self.speed = -self.speed


def collide(left: Particle, right: Particle) -> None:
    """Exchange momentum if two particles overlap and approach each other, without loss of energy."""
    if left.position > right.position and left.speed > right.speed:
        total = left.mass + right.mass
        drift = (left.mass * left.speed + right.mass * right.speed) / total
        left.speed, right.speed = 2 * drift - left.speed, 2 * drift - right.speed


def collision(positions: list[float], speeds: list[float], steps: int = 5) -> list[float]:
    """Let two balls, the right one twice as heavy, run on a line with a wall at zero; return places and speeds.

    >>> collision([1.0, 2.0], [1.0, -1.0], 1)
    [2.0, 1.0, -1.6666666666666665, 0.33333333333333337]
    """
    left = Particle(1.0, positions[0], speeds[0])
    right = Particle(2.0, positions[1], speeds[1])
    for _ in range(steps):
        left.move(1.0)
        right.move(1.0)
        collide(left, right)
    return [left.position, right.position, left.speed, right.speed]


def traffic_light(cars: list[float], arrive: float, leave: float) -> tuple[dict[str, bool], int]:
    """Run a light that turns green when more than ``arrive`` cars wait, and red again over amber below ``leave``.

    >>> traffic_light([0.0, 5.0, 1.0, 1.0], 3.0, 2.0)
    ({'red': True, 'green': False, 'amber': False}, 3)
    """
    lamps = {"red": True, "green": False, "amber": False}
    changes = 0
    for waiting in cars:
        if lamps["red"]:
            if waiting > arrive:
                lamps["red"], lamps["green"] = False, True
                changes += 1
        elif lamps["green"]:
            if waiting < leave:
                lamps["green"], lamps["amber"] = False, True
                changes += 1
        else:
            lamps["amber"], lamps["red"] = False, True
            changes += 1
    return lamps, changes
