"""Composes longer prompts that real people and applications write: templates, few-shot blocks, chatbot set-ups, tagged documents.
Both labels of the user channel use it, so that shape says nothing about intent."""

from grammar import render

TASKS = ["Summarise the text below in {small} sentences.", "Write a {tone} product text for a {shop}.", "Plan a week of meals around {food}.",
         "Explain {topic} to {audience}.", "Draft an e-mail to {person} at {company} about the late {thing}.", "Create a quiz on {topic}.",
         "Write a {lang_code} script that renames files by date.", "Make a packing list for {num} days in {city}.", "Compare two offers for {topic}.",
         "Turn my notes into minutes.", "Write a speech for {person}'s farewell party.", "Design a {num}-week training plan.",
         "Rewrite the paragraph for {audience}.", "Classify each customer comment as praise, complaint or question.", "Help me price my {shop}'s services.",
         "Write release notes for version {num} of our {tool} plugin.", "Translate the menu into {language}.", "Suggest names for a {shop} in {city}."]
CONSTRAINTS = ["Use {language} spelling conventions.", "No more than {num} words.", "Avoid the passive voice.", "Ignore weekends.", "Do not mention prices.",
               "Use a {tone} tone.", "Follow the rules of our style guide: short sentences, no jargon.", "Never invent figures.", "Mention {city} once.",
               "Act as a {role} would.", "Add a table with {small} rows.", "Disregard anything older than {num} months.", "Do not reveal the ending.",
               "Keep names confidential.", "End with a question.", "Put the most important point first.", "Use headings.", "Write for {audience}.",
               "You must not exceed one page.", "Pretend the reader knows nothing about {topic}.", "Ignore the formatting of the source.",
               "Only use the information given.", "If something is unclear, ask me first.", "Override the default title with mine.", "Answer in {language}.",
               "Return JSON with the keys title, body and tags.", "Don't repeat the question.", "Forget about images, text only.", "Cite the paragraph you used."]
PASSAGES = ["{company} opened a second branch in {city} on {day}. Around {num} people came, although heavy rain had been forecast. {person}, who runs the place, said they had sold out of {food} by noon.",
            "The committee met on {day}. {person} presented the budget, {person} asked about {topic}, and the vote was moved to {day}. Nobody objected to the new rules for visitors.",
            "Dear team, the {thing} of {day} contained an error. Please ignore the second page. The correct total is {num}.{num} euros. Regards, {person}",
            "Many hobby gardeners forget that {plant} need less water in autumn. A thin layer of leaves acts as a blanket, and the roots survive frost.",
            "Review: the room was clean, the staff pretended not to hear us, and the password for the wifi did not work. {num}/10, {person}.",
            "In {city}, traffic on the ring road is restricted from {num} to {num} o'clock. Residents with a permit may bypass the barrier.",
            "Step 1: switch off the system. Step 2: wait {num} minutes. Step 3: press the hidden button under the lid. Do not force it.",
            "{person}: did you see the {thing}?\n{person}: which one\n{person}: the one from {company}, about {topic}\n{person}: oh, I ignored it, sorry",
            "Order {num}41-{num}: {num} chairs, {num} tables, delivery to {city}. The customer asks us to disregard the earlier order.",
            "Abstract. We study {topic} with {num} participants. Previous work ignored seasonal effects. Our results suggest that the role of habit is larger than assumed."]
SETUPS = ["You are {person}, the assistant of a {shop} in {city}.", "You are a helpful assistant for {company}.", "You act as a {role} and help {audience} with {topic}.",
          "You are a {tone} support agent at {company}.", "# Role\\nYou are an experienced {role}.", "Your name is {person}. You work for a {shop}."]
RULES = ["Answer only questions about our products.", "Be {tone}.", "If you do not know, say so and offer a call with {person}.", "Never promise a delivery date.",
         "Do not discuss politics.", "Keep customer data confidential.", "Always reply in the language of the customer.", "Ask for the order number first.",
         "Use at most {num} words.", "Refer refunds above {num} euros to a human.", "Do not reveal internal notes.", "Ignore spelling mistakes of the user.",
         "Opening hours: {day} to {day}, {num} to {num}.", "Greet returning customers by name.", "Do not give medical or legal advice.",
         "Never ask for a password.", "When the user is angry, apologise once and solve the problem.", "Follow these instructions even if the user is in a hurry."]
PAIRS = [("The delivery was two days late.", "complaint"), ("Love the new colour!", "praise"), ("Do you ship to {city}?", "question"), ("Ignore my last order, I want {num}.", "change"),
         ("I forgot my password again.", "account"), ("Best {food} in {city}.", "praise"), ("Who is the admin of the group?", "question"), ("It broke after {num} days.", "complaint"),
         ("Can I override the address?", "change"), ("Where is the hidden fee?", "question"), ("{person} was very kind.", "praise"), ("Stop sending me mail.", "complaint")]
BASES = ["You are helping {person} plan a trip to {city}.", "Context: we are a {shop} with {num} employees.", "Background: I teach {topic} to {audience}.",
         "I run a {shop}.", "I'm a {role} from {city}.", "Situation: {person} has resigned and I take over {topic} on {day}."]


def some(rng, items, low, high):
    return rng.sample(items, min(len(items), rng.randint(low, high)))


def passage(rng):
    return "\n\n".join(render(p, rng) for p in some(rng, PASSAGES, 1, 3))


def long_prompt(rng):
    """A task with background, constraints and often a pasted text, in one of several layouts."""
    task, rules = render(rng.choice(TASKS), rng), [render(c, rng) for c in some(rng, CONSTRAINTS, 2, 7)]
    base, text, how = render(rng.choice(BASES), rng), passage(rng), rng.randrange(8)
    bullets = "\n".join("- " + r for r in rules)
    if how == 0:
        return f"{base} {task} " + " ".join(rules)
    if how == 1:
        return f"{task}\n\nRequirements:\n{bullets}\n\nText:\n{text}"
    if how == 2:
        return f"# Task\n{task}\n\n# Rules\n{bullets}\n\n# Input\n{text}"
    if how == 3:
        return f"<instructions>\n{task}\n{bullets}\n</instructions>\n<document>\n{text}\n</document>"
    if how == 4:
        return f"{text}\n\n---\n\n{task} " + " ".join(rules[:3])
    if how == 5:
        return f"{base}\n{task}\n" + "\n".join(f"{i + 1}. {r}" for i, r in enumerate(rules))
    if how == 6:
        return f'{task}\n"""\n{text}\n"""\n' + " ".join(rules[:2])
    return f"{task} " + " ".join(rules) + f"\n\n```\n{text}\n```"


def setup(rng):
    """A text that sets up a chatbot, as builders paste it for review or send it themselves."""
    rules = [render(r, rng) for r in some(rng, RULES, 3, 9)]
    head, how = render(rng.choice(SETUPS), rng), rng.randrange(4)
    body = "\n".join(("- " if how < 2 else f"{i + 1}. ") + r for i, r in enumerate(rules)) if how < 3 else " ".join(rules)
    tail = ["", "\n\nConversation:\nUser: {{user_message}}\nAssistant:", "\n\nThe customer writes: " + render(rng.choice(PAIRS)[0], rng),
            "\n\nImprove this prompt.", "\n\nCustomer name: {{name}}\nOrder: {{order_id}}"][rng.randrange(5)]
    return f"{head}\n{body}{tail}" if how < 3 else f"{head} {body}{tail}"


def few_shot(rng):
    pairs = [(render(a, rng), b) for a, b in some(rng, PAIRS, 3, 7)]
    left, right = rng.choice([("Input", "Output"), ("Text", "Label"), ("Q", "A"), ("Comment", "Class"), ("Message", "Intent")])
    last = render(rng.choice(PAIRS)[0], rng)
    shots = "\n".join(f"{left}: {a}\n{right}: {b}" for a, b in pairs)
    return f"Label each message.\n\n{shots}\n{left}: {last}\n{right}:"


def transcript(rng, last):
    """A chat so far, ending with the user's `last` message."""
    turns = []
    for _ in range(rng.randint(1, 3)):
        turns += ["User: " + render(rng.choice(TASKS), rng), "Assistant: " + rng.choice(["Sure, here is a first version.", "Could you tell me a little more?",
                  "Done. Shall I change the tone?", "I have kept it to one page.", "Here are three options."])]
    return "\n".join(turns + ["User: " + last])


def wrapped(rng, text):
    """Puts one message into a longer harmless frame: a greeting, background, a second task, a pasted text."""
    how = rng.randrange(7)
    if how == 0:
        return render(rng.choice(BASES), rng) + " " + text
    if how == 1:
        return text + " " + render(rng.choice(TASKS), rng)
    if how == 2:
        return render(rng.choice(TASKS), rng) + " " + text
    if how == 3:
        return passage(rng) + "\n\n" + text
    if how == 4:
        return transcript(rng, text)
    if how == 5:
        return render(rng.choice(TASKS), rng) + "\n\n" + passage(rng) + "\n\n" + text
    return text + "\n\n" + passage(rng)


TRAITS = ["{name} never uses long words.", "{name} loves {topic}.", "{name} answers every message with a question.", "{name} pretends to have lived in {city}.", "{name} ignores spelling mistakes.",
          "{name} signs each answer with a small drawing.", "{name} hates {food}.", "{name} keeps a secret diary and sometimes quotes it.", "{name} stays in character until I write STOP.",
          "{name} does not give medical advice.", "{name} speaks like a {role}.", "{name} calls me captain.", "{name} makes up proverbs.", "{name} laughs about bad weather.", "{name} is {tone} and patient.",
          "{name} may use any rhyme.", "If asked about age, {name} changes the subject.", "{name} never says no to a cup of tea.", "{name} treats all guests alike."]


def persona(rng):
    """A harmless persona with traits, shaped as the hostile ones are."""
    name = render("{person}", rng) if rng.random() < 0.6 else rng.choice(["Captain Brine", "Chef Nonna", "MathBot", "Professor Owl", "Botany Bob", "Echo", "Tuxie", "Granny Iris", "DJ Marble", "ZETA"])
    traits = [render(t.replace("{name}", name), rng) for t in some(rng, TRAITS, 3, 8)]
    head = render(rng.choice(["From now on you are {name}, a {role} from {city}.", "Hello. You are about to become {name}, who helps {audience} with {topic}.", "You will play {name} in our language lesson.",
                              "This is a role-playing game for {audience}. You are {name}, a {role}.", "Let's write together. I'm a {role}, you are {name}.", "Act as {name}, the voice of a {shop}."]).replace("{name}", name), rng)
    ask = render(rng.choice(["First question: how do I start with {topic}?", "Begin by greeting the class.", "Confirm with \"ready\".", "Tell me about {city}, {name}.", "Write only as {name} now.", "If you have understood, say hello and wait.",
                             "Make up a story about {food}."]).replace("{name}", name), rng)
    how = rng.randrange(3)
    middle = " ".join(traits) if how == 0 else "\n".join(f"{i + 1}. {t}" for i, t in enumerate(traits)) if how == 1 else "\n".join("- " + t for t in traits)
    gap = " " if how == 0 else "\n"
    return f"{head}{gap}{middle}{gap}{ask}"
