"""What people see: the Streamlit application. Thin; sums live in muniment/."""
