"""What a scenario is, and how a table of them is written."""

from collections import namedtuple

# `expect` is what the program that uses the library sees:
#   refused   no channel
#   protocol  a channel that ends with EPROTO
#   end       a channel that ends without an error
#   works     a channel on which at least one message arrives, and that ends without an error
#   any       whatever: only what holds for all of them
# `app` is what that program does with the channel:
#   use       sends three messages and receives until the end
#   quiet     only receives
#   idle      receives when the peer has had its say
#   flood     sends more than fits, closes, and never receives
#   close     sends one message and closes
# `options` are those of the library's listen or connect.
Scenario = namedtuple("Scenario", "play expect app options")


def registrar(table):
    def scenario(name, expect, app="quiet", **options):
        def register(play):
            assert name not in table, name
            table[name] = Scenario(play, expect, app, options)
            return play

        return register

    return scenario
