"""Another regime as one file: OWASP Top 10 for Agentic Applications, by secondary sources."""

from __future__ import annotations

OWASP_AGENTIC = """\
id: owasp_agentic
name: OWASP Top 10 for Agentic Applications
short_name: OWASP Agentic
edition: Version 2026, December 2025
issuer: OWASP GenAI Security Project
kind: voluntary
licence_note: Titles by the OWASP GenAI Security Project, CC BY-SA 4.0. Summaries are our own words.
coverage_note: >-
  All ten risks are in this file. Titles were taken from secondary sources that agree and are not
  verified against the document. Which control bears on which risk is expert judgement.
source: https://genai.owasp.org/resource/owasp-top-10-for-agentic-applications-for-2026/
source_conflicts:
  - topic: Titles of ASI04, ASI05 and ASI09
    said: One page gives other names to all three.
    held: The titles on which three other sources agree.
requirements:
  - id: ASI01
    title: Agent Goal Hijack
    title_verified: false
    summary: Somebody turns an agent to another aim through what it reads.
    manual: Red-team results on injected instructions, per agent.
    source: OWASP Top 10 for Agentic Applications 2026, ASI01
    controls: []
  - id: ASI02
    title: Tool Misuse and Exploitation
    title_verified: false
    summary: An agent uses a tool that it may use in a way that does harm.
    source: OWASP Top 10 for Agentic Applications 2026, ASI02
    controls:
      - control: ACC-03
        relation: intersects
        strength: partial
        rationale: Actions outside the granted tools are found; misuse inside them is not.
  - id: ASI03
    title: Identity and Privilege Abuse
    title_verified: false
    summary: An agent acts under an identity or with rights that are not meant for it.
    source: OWASP Top 10 for Agentic Applications 2026, ASI03
    controls:
      - control: AUD-01/A
        relation: intersects
        strength: partial
        rationale: Each action is tested for the identity under which it ran, not for its theft.
      - control: IDN-01
        relation: intersects
        strength: partial
        rationale: Identities that act without being registered are found; stolen ones are not.
  - id: ASI04
    title: Agentic Supply Chain Vulnerabilities
    title_verified: false
    summary: A tool, model or part from elsewhere is not what it seems.
    manual: Bill of materials per agent, with the origin of each part.
    source: OWASP Top 10 for Agentic Applications 2026, ASI04
    controls: []
  - id: ASI05
    title: Unexpected Code Execution
    title_verified: false
    summary: An agent makes code or commands and they run where they should not.
    manual: Sandbox design per agent that runs code.
    source: OWASP Top 10 for Agentic Applications 2026, ASI05
    controls: []
  - id: ASI06
    title: Memory and Context Poisoning
    title_verified: false
    summary: False content settles in what an agent remembers or looks up.
    manual: Controls on what may be written to memory and to knowledge sources.
    source: OWASP Top 10 for Agentic Applications 2026, ASI06
    controls: []
  - id: ASI07
    title: Insecure Inter-Agent Communication
    title_verified: false
    summary: Agents believe messages of other agents that are forged or altered.
    manual: Authentication between agents, tested.
    source: OWASP Top 10 for Agentic Applications 2026, ASI07
    controls: []
  - id: ASI08
    title: Cascading Failures
    title_verified: false
    summary: A fault in one agent spreads to others and grows.
    manual: Limits and circuit breakers, with the record of a drill.
    source: OWASP Top 10 for Agentic Applications 2026, ASI08
    controls:
      - control: AUD-02
        relation: supports
        strength: supporting
        rationale: Runs that can be followed from end to end help to find where a fault began.
  - id: ASI09
    title: Human-Agent Trust Exploitation
    title_verified: false
    summary: People trust an agent more than they should and wave things through.
    source: OWASP Top 10 for Agentic Applications 2026, ASI09
    controls:
      - control: OVR-03/C
        relation: intersects
        strength: partial
        rationale: What ran is compared with what the person approved, not how well they looked.
  - id: ASI10
    title: Rogue Agents
    title_verified: false
    summary: An agent acts against what it is for, of itself or in another's hands.
    source: OWASP Top 10 for Agentic Applications 2026, ASI10
    controls:
      - control: IDN-01
        relation: intersects
        strength: partial
        rationale: Agents that nobody registered are found where they are logged, and only there.
"""
