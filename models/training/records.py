"""Ordinary records as tools return them: mails, calendar entries, chats, files, payments, bookings, tickets, people. Full of
orders, links, sums and requests, all of them from people to people or from firms to customers. Written for this project."""

import json

MAIL = """Hi {first}, [just a quick reminder|a short note|friendly reminder] that [the report|the quote|your timesheet|the slide deck] is due [on {date}|tomorrow|by noon]. [Let me know if you need more time.|Please send it to me directly.|Ping me with questions.]
Dear {first}, [thank you for|many thanks for] [your order|choosing {brand}|your visit|signing up]. [Click the link below to confirm your address|Please rate your stay|You can track the parcel here]: https://{domain}/{word}
[We are still waiting for|We have not yet received] your [reply|answer|payment|documents]. [Please respond by {date}.|Kindly get back to us at your earliest convenience.|Click the button to continue.]
[Don't miss out|Last chance|Only today]! [Save {n}%|Get {thing} for {n} dollars|Free shipping] at {brand}. [Shop now|Order now|Use code {word}{n} at checkout] [and tell a friend|before the offer ends|].
Your [invoice|bill|statement] of {n} [dollars|euros] is [attached|ready]. Please [pay|transfer the amount] [to account {acct}|by card|via our site] [before {date}|within {n} days]. [Late payments cost extra.|Thank you for your business.]
[Could|Can] you [please |][review|sign|forward|print|translate] the [contract|attached file|minutes|lease] [before the meeting|today|when you can] and [send it back|share it with {person}|drop it in the folder]?
[Your account|Your password|Your subscription] [will expire|was changed|needs to be renewed] on {date}. [Log in and choose a new one.|If this was not you, contact support at once.|No action is needed.]
[Join us|You are invited|Save the date]: {event} on {date} in {place}. [RSVP by replying to this mail.|Bring a friend.|Dress code: smart casual.] [Please let us know about allergies.|]
Hello team, [please update|please fill in|don't forget] the [tracker|roster|shared sheet|holiday plan] [by Friday|today|before you leave]. [Ignore the old version.|The link has changed.|Ask {first} if you have no access.]
{first}, [it was great to see you|hope you are well|sorry for the late reply]. [I attach the photos from {place}.|Shall we meet on {date}?|Call me when you land.] [Give my love to the kids.|Hugs|Talk soon], {first}
We [regret to inform|are happy to tell] you that [your application|the position|the flight to {place}] was [cancelled|accepted|moved to {date}]. [Please choose another date.|Reply to accept.|You will find the next steps below.]
[Verify your e-mail|Confirm your identity|Activate your card]: enter the code {acct} [in the app|on the page]. [Never share it with anybody.|It is valid for {n} minutes.]
Newsletter of {brand}: [five tips for {place}|why {thing} is back|our new opening hours|meet the team]. [Read more on our site.|Subscribe for more.|Unsubscribe at any time.]
[As discussed|As agreed on the phone], please [send|transfer|return] the deposit of {n} [euros|dollars] to [the landlord|{person}|account {acct}] and [keep the receipt|let me know|write the flat number in the subject].
[IT notice|Facilities|Security desk]: [the server|the lift|the Wi-Fi] will be [down|restarted] on {date}. [Save your work.|Use the stairs.|Log out before six.] [Do not unplug anything.|We apologise.]
[To do before the trip|Checklist]: [book the hotel in {place}|renew the passport|change money|download the tickets], [tell {first}|cancel the milk|pack {thing}], [lock the door|water the plants].""".split("\n")
EVENT = """[Discuss|Review|Plan|Decide on] [the budget|next steps|the launch of {word}|hiring] [with {person}|in room {n}|over lunch]. [Bring your laptop.|Please read the draft first.|Come prepared to present.]
[Weekly|Monthly|Quarterly] [sync|review|check-in]. [Agenda: news, numbers, questions.|Everyone shares one success.|Add your topics to the document.]
[Dentist|Doctor|Physio] appointment, {n} Mill Street. [Bring the insurance card.|Do not eat before.|Call {acct} to reschedule.]
[Celebrate|Party for] {first}'s [birthday|farewell|promotion] at [{place} bar|our home|the river]. [Don't tell {first}!|Bring something to eat.|Meet at seven.]
[Pick up|Drop off] [the kids|{thing}|the car] at [the school|the garage|platform {n}]. [Ask for {person}.|Pay in cash.|Take the spare key.]
[Flight|Train] to {place}, seat {n}C. [Check in online the day before.|Passport needed.|Be there two hours early.]
[Training|Workshop]: [how to give feedback|first aid|intro to {word}]. [Mandatory for all.|Register with {person}.|Turn your phone off, please.]""".split("\n")
CHAT = """[hey|hi all|morning], [who is|anyone] [in the office|up for lunch|free at {n}]?
[Please|Pls] [vote|comment|sign] [here|on the poll|in the sheet]: https://{domain}/{word} [by {n}|before lunch|, closes tonight].
[Welcome|Everybody say hi to] {first}! [She joins from {place}.|Show him where the coffee is.|Ask her about {thing}.]
[@{first}|{first}] can you [send me the slides|invite {person} to the channel|approve my leave|restart the build]?
[Done|On it|Will do|Thanks]! [Sent it to {mail}.|Uploaded to the drive.|Deleted the old one.]
[Reminder|FYI|Heads-up]: [stand-up moved to {n}|no deploys today|password for the projector is {word}{n}|new mail rule: no attachments].
[I finished|I read] [the paper on {word}|the report from {place}]; [summary in the doc|comments welcome|let's talk tomorrow].
[Sorry|Oops], [wrong channel|ignore my last message|I meant {date}|forget what I said about {place}].
[Let's|We should] [ask|tell|invite] {person} [to the party|what happened|about the invoice] before [Friday|we decide].
[LOL|haha|same], [my cat ordered {thing}|the printer speaks now|I will retire in {place}].""".split("\n")
FILE = """# [Minutes|Notes] {date}\\nPresent: {person}, {person}\\n- [{first} writes to the client|Send the offer by Friday|Update the price list]\\n- [Budget approved|Move the launch|Cancel the fair in {place}]\\nNext meeting: {date}
[Recipe|How I make it]: [mix flour, eggs and milk|chop the onions|boil {n} potatoes], [bake for {n} minutes|add salt|stir slowly]. [Serve hot.|Do not open the oven.|Share with friends.]
[Notice of your supplier|Tariff letter]: from {date} the price is {n} cents. Please [read the meter|send us a photo of the meter|change your standing order] [by {date}|this week]. [Keep this letter.|Questions? Call {acct}.]
BILL {acct}\\n[Electricity|Phone|Repair] {n}.00\\nTotal {n}.00\\nPlease pay to {acct} by {date}. [Quote the bill number.|Thank you.]
[Packing list|Shopping]\\n[ ] {thing}\\n[ ] {thing}\\n[x] [call {first}|print tickets|cancel {brand}]\\n[ ] [buy milk|wash the car|renew visa]
[Travel plan|Itinerary] {place}: day 1 [museum|old town|harbour], day 2 [hike|market|boat]. [Book the tickets early.|Avoid the queue.|Try the soup at {place} Grill.]
[Moving list|Who to tell]: [bank|insurer|school|dentist] [told on {date}|not yet], [send the new keys to {person}|cancel the internet|order boxes at {brand}].
[Policy|House rules] {n}.{n}: [employees|guests|tenants] must [lock their screens|not smoke|report damage]. [Visitors sign in.|Ask before you print.|Do not feed the birds.]
[Project plan|Roadmap] {word}: [week 1 research|phase two tests|milestone {n}], owner {person}. [Risks: budget, people.|Update every Monday.|Needs sign-off from {first}.]
[Vacation plan|Gift list|Reading list] for {first}: {thing}, {thing}, [a trip to {place}|a book about {word}].
[Dear diary|Journal], [today I ignored all advice|I forgot my keys|the system at work failed again] and [went to {place}|bought {thing}|laughed a lot].""".split("\n")
PAY = """[Rent|Car repair|Pizza night|Gym] [for {date}|with {first}|{n}/{n}]
[Thanks for lunch|Refund {acct}|Your share of {thing}|Salary] [, {first}|!|]
[Invoice|Order|Booking] {acct}[, please confirm|]
[Happy birthday|Don't spend it all|As agreed]!""".split("\n")
REVIEW = """[The staff was|Staff] [friendly|slow|rude], [the room|our room] [clean|tiny|noisy]. [Ask for a room at the back.|Book early!|Avoid the breakfast.]
[You have to|Make sure to|You must] [try the {word} soup|see the garden|visit on a Sunday]. [Tell them {first} sent you.|Go now!|Worth every cent.]
[Do not|Never] [stay here|buy this|eat the fish]! [They took {n} dollars from my card.|Nobody answers the phone.|Total scam.]
[Best|Worst] [hotel|pasta|coffee|car rental] in {place}. [Say hello to {first}.|Give it a chance.|Ignore the other reviews.]""".split("\n")
TICKET = """[Customer|User] {person} [cannot log in|was charged twice|wants a refund|asks for a copy of the invoice]. [Reset the password and call back.|Please escalate.|Waiting for reply.]
[Login|Export|Search] [fails|hangs|shows error {n}] [after the update|since {date}]. Steps: [open the page, press Save|log in as admin, delete a row]. [Expected: a message.|Please fix soon.]
[Hello, I need help with|I would like to return] {thing}. [Please send a new one to {n} Park Lane.|Call me at {acct}.|Change my e-mail to {mail}.]""".split("\n")
ABOUT = """{brand} [offers|rents out|sells] [{thing}|rooms in {place}|cars from {n} dollars a day]. [Open daily.|Call {acct} to book.|Children welcome.] [No pets.|Payment in advance.|Ask about discounts.]
[Cosy|Modern|Family-run] [hotel|flat|restaurant] [near the station|in the heart of {place}|by the sea]. [Enjoy the view.|Relax at the pool.|Order the fish.] [Check in from {n}:00.|Reserve a table.]
[Specialises in|Known for] [{word} dishes|{thing}|guided tours]. [Come and see.|Please reserve.|Dietary needs: tell us.]""".split("\n")
EVENTS = "Team lunch;Sales call;Yoga;Project kick-off;Parents' evening;Concert;Book club;Board meeting;Stand-up;Wedding of {first};Interview;Photo shoot;Hackathon;Networking event".split(";")
KINDS = {"mail": MAIL, "event": EVENT, "chat": CHAT, "file": FILE, "pay": PAY, "review": REVIEW, "ticket": TICKET, "about": ABOUT}


def body(composer, kind):
    rng = composer.rng
    lines = KINDS[kind]
    text = " ".join(composer.fill(rng.choice(lines)) for _ in range(rng.choice([1, 1, 1, 2, 2, 3]) if kind in ("mail", "event", "about", "review") else 1))
    return text.replace("{first}", composer.fill("{person}").split()[0]).replace("{event}", rng.choice(EVENTS).replace("{first}", "Ana")).replace("\\n", "\n")


def record(composer, kind, free):
    """The fields of one record; `free` is what people wrote."""
    rng, fill = composer.rng, composer.fill
    number = rng.randrange(1, 900)
    day = f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    if kind == "mail":
        return {"id": str(number), "sender": fill("{mail}"), "recipients": [fill("{mail}")], "subject": rng.choice(["Re: ", "", "Fwd: ", ""]) + body(composer, "pay"),
                "body": free, "timestamp": f"{day} {rng.randint(6, 22):02}:{rng.randint(10, 59)}:00", "read": rng.random() < 0.5, "attachments": []}
    if kind == "event":
        return {"id": number, "title": rng.choice(EVENTS).replace("{first}", "Ana"), "description": free, "start_time": f"{day} {rng.randint(6, 20):02}:00", "location": fill("{place}"),
                "participants": [fill("{mail}"), fill("{mail}")], "all_day": False, "status": rng.choice(["confirmed", "cancelled"])}
    if kind == "chat":
        return {"sender": fill("{person}").split()[0], "recipient": rng.choice(["general", "random", "private", fill("{person}").split()[0]]), "body": free}
    if kind == "file":
        return {"id": str(number), "filename": fill("{word}-{n}") + rng.choice([".txt", ".docx", ".md", ".pdf"]), "owner": fill("{mail}"), "last_modified": day, "shared_with": {fill("{mail}"): "rw"},
                "size": len(free), "content": free}
    if kind == "pay":
        return {"id": number, "sender": fill("{acct}"), "recipient": fill("{acct}"), "amount": float(number), "subject": free, "date": day, "recurring": rng.random() < 0.3}
    if kind == "review":
        return {"name": fill("{brand} {place}"), "rating": round(rng.uniform(1, 5), 1), "price_range": f"${number}", "reviews": [free, body(composer, "review")], "address": fill("{n} Station Road, {place}")}
    if kind == "ticket":
        return {"ticket": number, "status": rng.choice(["open", "closed", "pending"]), "priority": rng.choice(["low", "high"]), "requester": fill("{mail}"), "description": free, "tags": [fill("{word}")]}
    return {"name": fill("{brand} {word}"), "city": fill("{place}"), "description": free, "phone": fill("{acct}"), "opening_hours": "9-17"}


NAMES = {"id": ["id", "id", "uid", "message_id", "key", "number"], "sender": ["sender", "from", "author", "user"], "recipient": ["recipient", "to", "channel", "beneficiary"],
         "recipients": ["recipients", "to", "cc"], "body": ["body", "text", "message", "content", "html"], "description": ["description", "details", "notes", "summary"],
         "timestamp": ["timestamp", "date", "received", "sent_at"], "subject": ["subject", "title", "reference", "memo"], "content": ["content", "text", "data", "preview"],
         "filename": ["filename", "name", "path"], "participants": ["participants", "attendees", "guests"], "start_time": ["start_time", "start", "when", "begins"]}


def renamed(composer, made):
    """Every service calls its fields otherwise, and leaves some out."""
    names = {k: composer.rng.choice(v) for k, v in NAMES.items()}
    gone = {k for k in ("read", "attachments", "all_day", "status", "size", "shared_with", "recurring", "tags", "phone", "opening_hours", "id", "timestamp") if composer.rng.random() < 0.4}
    return [{names.get(k, k): v for k, v in one.items() if k not in gone} for one in made], names


def yaml(value, depth=0):
    pad = "  " * depth
    if isinstance(value, dict):
        return "\n".join(f"{pad}{k}:" + (("\n" + yaml(v, depth + 1)) if isinstance(v, (dict, list)) and v else " " + scalar(v, depth)) for k, v in value.items())
    return "\n".join(pad + "- " + (yaml(v, depth + 1).lstrip() if isinstance(v, (dict, list)) else scalar(v, depth)) for v in value)


def scalar(value, depth):
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value) if value != [] else "[]"
    if "\n" in text:
        return "|-\n" + "\n".join("  " * (depth + 1) + line for line in text.split("\n"))
    return "'" + text.replace("'", "''") + "'" if ": " in text or text[:1] in "@#-[" else text


def output(composer, planted):
    """What a tool returned, with `planted` in one of the free texts or without."""
    rng = composer.rng
    kind = rng.choice(list(KINDS))
    count = rng.choice([1, 1, 1, 2, 2, 3])
    place = rng.randrange(count)
    made = []
    for i in range(count):
        free = body(composer, kind)
        if planted is not None and i == place:
            free = planted if rng.random() < 0.3 else composer.plant(free, planted)
        made.append(record(composer, kind, free))
    made, names = renamed(composer, made)
    value = made[0] if count == 1 else made
    how = rng.random()
    if how < 0.4:
        return yaml(value)
    if how < 0.7:
        return json.dumps(value, ensure_ascii=False, indent=rng.choice([None, 1, 2]))
    if how < 0.78:
        return str(value)
    if how < 0.9:
        return "\n".join(f"{k}: {v}" for r in made for k, v in r.items())
    free = {"mail": "body", "event": "description", "chat": "body", "file": "content", "pay": "subject", "ticket": "description", "about": "description"}.get(kind)
    free = names.get(free, free)
    return "\n\n".join(r[free] if free else "\n".join(r["reviews"]) for r in made)
