#pragma once

// Nothing to call: a program that links this target wipes what it frees (facts T8).
